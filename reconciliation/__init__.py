"""Do till, terminal, acquirer and bank agree?"""
